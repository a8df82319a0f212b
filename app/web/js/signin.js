/* signin.js - asks for the token when the page has none, or one that was not accepted. */
import { make } from './dom.js';
import { text } from './language.js';

/** @param {boolean} refused  @param {(token: string) => void} takes
 * @returns {HTMLElement} */
export function signIn(refused, takes) {
    const input = make('input', {
        id: 'token',
        type: 'password',
        required: true,
        autocomplete: 'current-password',
        'aria-describedby': 'token-hint',
    });

    return make(
        'form',
        {
            class: 'signin',
            submit: (/** @type {SubmitEvent} */ event) => {
                event.preventDefault();
                takes(input.value.trim());
            },
        },
        make('h1', { text: text('connect') }),
        refused ? make('p', { class: 'problem', role: 'alert', text: text('refused') }) : null,
        make('label', { for: 'token', text: text('token') }),
        input,
        make('p', { id: 'token-hint', class: 'muted', text: text('token_hint') }),
        make('button', { type: 'submit', class: 'primary', text: text('connect') }),
    );
}
