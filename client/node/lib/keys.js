/* keys.js - CURVE keys, as `vigil keygen` writes them. */
import { readFileSync, statSync } from 'node:fs';

const KEY_CHARACTERS = 40; // Z85

function read(path, words) {
    const found = {};

    for (const line of readFileSync(path, 'utf8').split('\n')) {
        const colon = line.indexOf(':');

        if (colon > 0 && words.includes(line.slice(0, colon).trim()))
            found[line.slice(0, colon).trim()] = line.slice(colon + 1).trim();
    }
    for (const word of words) {
        if (!found[word])
            throw new Error(`${path}: expected a line "${word}: KEY", as vigil keygen writes it`);
    }
    return found;
}

export function checkKeys(keys) {
    for (const name of ['server', 'public', 'secret']) {
        if (typeof keys[name] !== 'string' || keys[name].length !== KEY_CHARACTERS)
            throw new Error(`${name}: a key has ${KEY_CHARACTERS} characters of Z85`);
    }
    return keys;
}

export function loadKeys(server, pair) {
    if (process.platform !== 'win32' && (statSync(pair).mode & 0o077) !== 0)
        throw new Error(`${pair}: others may read this secret; chmod 600 it`);
    return checkKeys({ server: read(server, ['public']).public, ...read(pair, ['public', 'secret']) });
}
