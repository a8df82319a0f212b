/* settings.js - the head of the page: views, sound, colours, language, clock. */
import { chooseTheme, THEMES, themeNow } from './colours.js';
import { byId, Field, make, setAttribute } from './dom.js';
import { soundIcon } from './icons.js';
import { chooseLanguage, clockText, LANGUAGE_NAMES, LANGUAGES, languageNow, text } from './language.js';

const VIEWS = [
    ['', 'ward'],
    ['alerts', 'alerts'],
    ['history', 'history'],
    ['timeline', 'timeline'],
];

export class Settings {
    #app;
    #clock = new Field(byId('clock'));
    #sound = make('button', { type: 'button', class: 'sound', click: () => this.#toggleSound() });

    /** @param {import('./app.js').App} app */
    constructor(app) {
        this.#app = app;
    }

    /** Makes everything anew, as after a change of the language. */
    show() {
        for (const element of /** @type {NodeListOf<HTMLElement>} */ (
            document.querySelectorAll('[data-text]')
        ))
            element.textContent = text(element.dataset.text ?? '');
        setAttribute(byId('nav'), 'aria-label', text('nav'));
        document.documentElement.lang = languageNow();
        byId('nav').replaceChildren(
            ...VIEWS.map(([path, key]) =>
                make('a', { href: `#/${path}`, 'data-view': path, text: text(key) }),
            ),
        );
        this.#showSound();
        byId('settings').replaceChildren(
            ...(this.#app.mayAcknowledge ? [] : [make('span', { class: 'muted', text: text('no_role') })]),
            this.#sound,
            this.#choice(
                'theme',
                THEMES.map((t) => [t, text(t)]),
                themeNow(),
                (to) => {
                    chooseTheme(/** @type {'auto' | 'dark' | 'light'} */ (to));
                    this.#app.coloursChanged();
                },
            ),
            this.#choice(
                'language',
                LANGUAGES.map((l) => [l, LANGUAGE_NAMES[l]]),
                languageNow(),
                (to) => {
                    chooseLanguage(/** @type {'en' | 'de' | 'zh'} */ (to), localStorage);
                    this.#app.languageChanged();
                },
            ),
        );
    }

    /** @param {string} key  @param {string[][]} options  value and text of each
     * @param {string} chosen  @param {(value: string) => void} takes */
    #choice(key, options, chosen, takes) {
        const select = make(
            'select',
            { change: () => takes(select.value) },
            ...options.map(([value, label]) =>
                make('option', { value, text: label, selected: value === chosen }),
            ),
        );

        return make('label', {}, make('span', { class: 'hidden', text: text(key) }), select);
    }

    /** @param {string} view  the first part of the address */
    mark(view) {
        for (const link of byId('nav').children)
            setAttribute(link, 'aria-current', link.getAttribute('data-view') === view ? 'page' : null);
    }

    /** @param {number} now_ms  of the server */
    tick(now_ms) {
        this.#clock.set(clockText(now_ms));
    }

    async #toggleSound() {
        const wanted = !this.#app.sound.on;
        const on = await this.#app.sound.toggle();

        if (wanted && !on) this.#app.announce(text('sound_blocked'));
        this.#showSound();
    }

    #showSound() {
        const { on } = this.#app.sound;

        this.#sound.replaceChildren(
            soundIcon(on),
            make('span', { text: text(on ? 'sound_on' : 'sound_off') }),
        );
        setAttribute(this.#sound, 'aria-pressed', String(on));
    }
}
