/* main.js - starts the page: language, colours, token, session. */
import { App } from './app.js';
import { applyTheme } from './colours.js';
import { byId, make } from './dom.js';
import { keepFlashesInStep } from './flash.js';
import { languageNow, startLanguage, text } from './language.js';
import { Server } from './server.js';
import { signIn } from './signin.js';

const RETRY_MS = 1000;
const server = new Server();

/** The texts that stand there before there is a session. */
function showTexts() {
    document.documentElement.lang = languageNow();
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-text]')))
        element.textContent = text(element.dataset.text ?? '');
}

/** @param {boolean} refused */
function askForToken(refused) {
    byId('main').replaceChildren(
        signIn(refused, (token) => {
            server.setToken(token);
            start();
        }),
    );
}

async function start() {
    byId('main').replaceChildren(make('p', { class: 'empty', role: 'status', text: text('connecting') }));
    try {
        const session = await server.get('session');

        if (!session.channels) {
            byId('main').replaceChildren(make('p', { class: 'empty', text: text('no_ward') }));
            return;
        }
        const app = new App(server, session);

        matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
            applyTheme();
            app.coloursChanged();
        });
    } catch (error) {
        const { status, message } = /** @type {import('./server.js').ServerError} */ (error);

        if (status === 401 || status === 403) {
            askForToken(server.hasToken);
            return;
        }
        byId('main').replaceChildren(
            make('p', { class: 'empty problem', role: 'alert', text: `${text('unconfirmed')}: ${message}` }),
        );
        window.setTimeout(start, RETRY_MS);
    }
}

startLanguage(navigator.languages, localStorage);
applyTheme();
showTexts();
keepFlashesInStep();
server.takeToken();
start();
