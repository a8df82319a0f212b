/* colours.js - dark or light, and the colours that canvases take from the style sheet.
 *
 * There is no standard for the colours of vital signs, so they are variables of base.css that a site
 * may change (--hr, --spo2, ...), one place for texts and lines. */

const KEPT_AS = 'vigil.theme';
/** @type {readonly ['auto', 'dark', 'light']} */
export const THEMES = ['auto', 'dark', 'light'];

/** @returns {'auto' | 'dark' | 'light'} */
export function themeNow() {
    const kept = localStorage.getItem(KEPT_AS);

    return THEMES.find((theme) => theme === kept) ?? 'auto';
}

/** @param {'auto' | 'dark' | 'light'} theme */
export function chooseTheme(theme) {
    localStorage.setItem(KEPT_AS, theme);
    applyTheme();
}

/** Gives the document the theme that was chosen, or that of the system. */
export function applyTheme() {
    const theme = themeNow();
    const dark = theme === 'auto' ? matchMedia('(prefers-color-scheme: dark)').matches : theme === 'dark';

    document.documentElement.dataset.theme = dark ? 'dark' : 'light';
}

export class Colours {
    /** @type {Map<string, string>} */
    #known = new Map();

    /** A variable of the style sheet, "" for none. @param {string} name */
    get(name) {
        let value = this.#known.get(name);

        if (value === undefined) {
            value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
            this.#known.set(name, value);
        }
        return value;
    }

    /** @param {string} row  id of the row */
    inkOf(row) {
        return this.get(row) || this.get('vital');
    }

    get limit() {
        return this.get('limit');
    }

    get now() {
        return this.get('line');
    }

    /** After the theme has changed. */
    forget() {
        this.#known.clear();
    }
}
