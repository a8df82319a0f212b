/* index.js - receives every alert of a Vigil pipeline, and knows that none is missing.
 *
 * index.d.ts describes what is here; README.md shows it; docs/alert1.md of Vigil is the protocol. */
export { loadKeys } from './lib/keys.js';
export { subscribe, Subscription } from './lib/subscription.js';
