import { engineAgreement } from '../testing/agreement-tests.ts';

engineAgreement(['register', 'cas-register', 'kv']);
