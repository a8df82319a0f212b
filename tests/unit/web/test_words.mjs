/* test_words.mjs - every text is there in all languages, and every key that is used has one. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import {
    ageText,
    durationText,
    LANGUAGES,
    numberText,
    setLanguage,
    startLanguage,
    languageNow,
    text,
} from '../../../app/web/js/language.js';
import { WORDS } from '../../../app/web/js/words.js';

const WEB = new URL('../../../app/web/', import.meta.url);

test('each text has all languages and the same blanks in each', () => {
    const blanks = (s) => [...s.matchAll(/\{\w+\}/g)].map((m) => m[0]).sort();

    for (const [key, texts] of Object.entries(WORDS)) {
        assert.equal(texts.length, LANGUAGES.length, key);
        for (const words of texts) {
            assert.ok(words.length > 0, key);
            assert.deepEqual(blanks(words), blanks(texts[0]), key);
        }
    }
});

test('each key that the page uses has a text, and each text is used', () => {
    const files = readdirSync(new URL('js/', WEB)).filter(
        (name) => name.endsWith('.js') && name !== 'words.js',
    );
    const source =
        files.map((name) => readFileSync(new URL(`js/${name}`, WEB), 'utf8')).join('') +
        readFileSync(new URL('index.html', WEB), 'utf8');

    for (const [, key] of source.matchAll(/(?<![\w.])text\('(\w+)'/g)) assert.ok(WORDS[key], key);
    for (const [, key] of source.matchAll(/data-(?:text|label)="(\w+)"/g)) assert.ok(WORDS[key], key);
    for (const key of Object.keys(WORDS).filter((k) => !/^(quality|reason|phase|kind)_/.test(k)))
        assert.match(source, new RegExp(`['"]${key}['"]`), key);
});

test('every reason and quality of a value has words', () => {
    const header = readFileSync(new URL('../../core/channel.h', WEB), 'utf8');

    for (const [, name] of header.matchAll(/X\(\w+, "(\w+)", +"/g))
        assert.ok(name === 'none' || WORDS[`reason_${name}`], name);
});

test('numbers and times are those of the language', () => {
    assert.deepEqual(
        [numberText(36.85, 1), ageText(41.9), ageText(720), durationText(200)],
        ['36.9', '41 s', '12 min', '3 min 20 s'],
    );
    setLanguage('de');
    assert.equal(numberText(36.85, 1), '36,9');
    setLanguage('zh');
    assert.equal(text('no_data', { age: ageText(41) }), '无数据 41 秒');
    setLanguage('en');
});

test('the language is the one that was chosen, else the first of the browser that there is', () => {
    const store = (kept) => ({ getItem: () => kept });

    startLanguage(['fr-FR', 'de-AT', 'en'], store(null));
    assert.equal(languageNow(), 'de');
    startLanguage(['de'], store('zh'));
    assert.equal(languageNow(), 'zh');
    startLanguage(['fr'], store(null));
    assert.equal(languageNow(), 'en');
});
