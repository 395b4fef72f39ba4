import { engineAgreement } from '../testing/agreement-tests.ts';

engineAgreement(['mutex', 'reentrant-mutex', 'fenced-lock', 'lease-lock']);
