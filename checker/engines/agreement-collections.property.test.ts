import { engineAgreement } from '../testing/agreement-tests.ts';

engineAgreement(['set', 'append-list', 'counter', 'grow-counter']);
