import { engineAgreement } from '../testing/agreement-tests.ts';

engineAgreement(['queue']);
