/* language.js - which language the page speaks, and its texts, numbers and times in it.
 *
 * The choice is kept in this browser; without one it follows the browser's languages. */
import { WORDS } from './words.js';

/** @type {readonly ['en', 'de', 'zh']} */
export const LANGUAGES = ['en', 'de', 'zh'];
export const LANGUAGE_NAMES = { en: 'English', de: 'Deutsch', zh: '中文' };
const KEPT_AS = 'vigil.language';

/** @type {'en' | 'de' | 'zh'} */
let language = 'en';
/** @type {Map<number, Intl.NumberFormat>} by decimals */
let numbers = new Map();
/** @type {Intl.DateTimeFormat} */
let clock;
/** @type {Intl.DateTimeFormat} */
let short;
/** @type {Intl.DateTimeFormat} */
let day;

/** @param {'en' | 'de' | 'zh'} to */
export function setLanguage(to) {
    const locale = { en: 'en-GB', de: 'de-DE', zh: 'zh-CN' }[to];

    language = to;
    numbers = new Map();
    clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
    short = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
    day = new Intl.DateTimeFormat(locale, {
        day: '2-digit',
        month: '2-digit',
        hour: '2-digit',
        minute: '2-digit',
    });
}

/** Takes the choice of before, or the first language of the browser that the page speaks.
 * @param {readonly string[]} preferred  @param {Storage} store */
export function startLanguage(preferred, store) {
    const wanted = [store.getItem(KEPT_AS) ?? '', ...preferred].map((tag) => tag.slice(0, 2));

    setLanguage(LANGUAGES.find((l) => l === wanted.find((w) => LANGUAGES.some((x) => x === w))) ?? 'en');
}

/** @param {'en' | 'de' | 'zh'} to  @param {Storage} store */
export function chooseLanguage(to, store) {
    store.setItem(KEPT_AS, to);
    setLanguage(to);
}

export function languageNow() {
    return language;
}

/** The text of a key, with its `{names}` filled in. A key without a text is a fault of the page, and
 *  is shown as it is rather than as nothing.
 * @param {string} key  @param {Record<string, string | number>} [values]  @returns {string} */
export function text(key, values) {
    const found = WORDS[key]?.[LANGUAGES.indexOf(language)] ?? key;

    return values ? found.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? '')) : found;
}

/** As text(), for names that the server may know and the page not: those are shown as they are.
 * @param {string} prefix  @param {string} name  @returns {string} */
export function nameText(prefix, name) {
    return WORDS[prefix + name] ? text(prefix + name) : name.replaceAll('_', ' ');
}

/** @param {number} value  @param {number} decimals  @returns {string} */
export function numberText(value, decimals) {
    let format = numbers.get(decimals);

    if (!format) {
        const locale = { en: 'en-GB', de: 'de-DE', zh: 'zh-CN' }[language];

        format = new Intl.NumberFormat(locale, {
            minimumFractionDigits: decimals,
            maximumFractionDigits: decimals,
            useGrouping: false,
        });
        numbers.set(decimals, format);
    }
    return format.format(value);
}

/** "41 s", "12 min", "3 h". @param {number} seconds  @returns {string} */
export function ageText(seconds) {
    if (seconds < 60) return `${Math.floor(seconds)} ${text('second')}`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} ${text('minute')}`;
    return `${Math.floor(seconds / 3600)} ${text('hour')}`;
}

/** How long something took: "3 min 20 s". @param {number} seconds  @returns {string} */
export function durationText(seconds) {
    const rest = Math.floor(seconds % 60);

    if (seconds < 60 || seconds >= 3600 || rest === 0) return ageText(seconds);
    return `${ageText(seconds)} ${rest} ${text('second')}`;
}

/** @param {number} ms  @returns {string} the time of the day */
export function clockText(ms) {
    return clock.format(ms);
}

/** @param {number} ms  @returns {string} the time of the day without seconds */
export function shortClockText(ms) {
    return short.format(ms);
}

/** @param {number} ms  @returns {string} day and time */
export function dayText(ms) {
    return day.format(ms);
}

setLanguage('en');
