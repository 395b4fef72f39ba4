import { engineAgreement } from '../testing/agreement-tests.ts';

engineAgreement(['multi-register', 'txn-kv']);
