/* dialog.js - acknowledge an alert, or pause its sound.
 *
 * The dialog names bed and alert, since what was clicked may have changed meanwhile, and follows the
 * alert while it is open: an alert that has ended cannot be acknowledged. An order has one command_id
 * for as long as the dialog is open, so giving it again after a lost answer does nothing twice. */
/** @typedef {import('../types').Alert} Alert */
import { placeOf, priorityBadge, sentence } from './alertparts.js';
import { make } from './dom.js';
import { ageText, text } from './language.js';

const NAME_KEPT_MS = 15 * 60 * 1000;
const SNOOZE_S = [60, 120, 300, 600, 1800, 3600];
const SNOOZE_HIGH_MAX_S = 120;
const EXPIRES_S = [0, 1800, 3600, 7200, 14400];

/** Who was the last to give an order here, for a few minutes: a ward's screen is everybody's. */
const operator = { name: '', at: -Infinity };

/** A UUID. crypto.randomUUID() is there on https and localhost only, getRandomValues() everywhere.
 * @returns {string} */
function newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));

    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');

    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export class AlertDialog {
    element = make('dialog', { class: 'order', 'aria-labelledby': 'order-title' });
    #app;
    #episode = '';
    #command = '';
    #shown = '';
    #what = make('div', { class: 'what' });
    #name = make('input', {
        id: 'order-name',
        required: true,
        maxlength: 40,
        autocomplete: 'off',
        'aria-describedby': 'order-problem',
    });
    #note = make('input', { id: 'order-note', maxlength: 200, autocomplete: 'off' });
    #problem = make('p', { id: 'order-problem', class: 'problem', role: 'alert' });
    #time = make('select', { id: 'order-time' });
    #submit = make('button', { type: 'submit', class: 'primary' });
    /** @type {HTMLInputElement[]} */
    #kinds = [];
    #closed = () => {};

    /** @param {import('./app.js').App} app */
    constructor(app) {
        this.#app = app;
        this.element.addEventListener('close', () => this.#closed());
        this.#name.addEventListener('input', () => this.#forgetProblem());
    }

    get open() {
        return this.element.open;
    }

    /** @param {string} episode  @param {() => void} closed  called when it is over, either way */
    show(episode, closed) {
        const form = make('form', {
            method: 'dialog',
            novalidate: true,
            submit: (/** @type {SubmitEvent} */ event) => {
                event.preventDefault();
                this.#send();
            },
        });

        this.#episode = episode;
        this.#command = newId();
        this.#shown = '';
        this.#closed = closed;
        this.#name.value = performance.now() - operator.at < NAME_KEPT_MS ? operator.name : '';
        this.#note.value = '';
        this.#forgetProblem();
        this.#submit.textContent = text('confirm');
        form.append(
            make('h2', { id: 'order-title', text: `${text('acknowledge')} / ${text('snooze')}` }),
            this.#what,
            make(
                'fieldset',
                {},
                make('legend', { text: text('what_to_do') }),
                this.#kind('acknowledge', 'acknowledge_hint'),
                this.#kind('snooze', 'snooze_hint'),
            ),
            make('label', { for: 'order-time', text: text('expires') }),
            this.#time,
            make('label', { for: 'order-name', text: text('operator') }),
            this.#name,
            make('label', { for: 'order-note', text: text('note') }),
            this.#note,
            this.#problem,
            make(
                'div',
                { class: 'buttons' },
                make('button', { type: 'button', text: text('cancel'), click: () => this.element.close() }),
                this.#submit,
            ),
        );
        this.element.replaceChildren(form);
        this.#kinds[0].checked = true;
        this.update();
        this.#times();
        this.element.showModal();
        this.#name.focus();
        this.#name.select();
    }

    /** @param {'acknowledge' | 'snooze'} kind  @param {string} hint */
    #kind(kind, hint) {
        const input = make('input', {
            type: 'radio',
            name: 'kind',
            value: kind,
            id: `order-${kind}`,
            change: () => this.#times(),
        });

        this.#kinds = kind === 'acknowledge' ? [input] : [...this.#kinds, input];
        return make(
            'label',
            { for: `order-${kind}`, class: 'choice' },
            input,
            make(
                'span',
                {},
                make('strong', { text: text(kind) }),
                make('br'),
                make('span', { class: 'muted', text: text(hint) }),
            ),
        );
    }

    get #alert() {
        return this.#app.state.alerts.get(this.#episode);
    }

    get #chosen() {
        return this.#kinds.find((input) => input.checked)?.value ?? 'acknowledge';
    }

    /** The times that may be chosen: a sound of high priority is paused for two minutes at most. */
    #times() {
        const snooze = this.#chosen === 'snooze';
        const most = this.#alert?.priority === 'high' ? SNOOZE_HIGH_MAX_S : Infinity;
        const times = snooze ? SNOOZE_S.filter((s) => s <= most) : EXPIRES_S;

        this.#time.replaceChildren(
            ...times.map((s) =>
                make('option', {
                    value: s,
                    text: s === 0 ? text('no_expiry') : ageText(s),
                    selected: snooze && s === SNOOZE_HIGH_MAX_S,
                }),
            ),
        );
    }

    /** The alert has changed, maybe. */
    update() {
        const alert = this.#alert;

        if (this.#shown === (alert?.event_id ?? 'ended')) return;
        this.#shown = alert?.event_id ?? 'ended';
        this.#submit.disabled = !alert;
        if (!alert) {
            this.#what.append(make('p', { class: 'problem', role: 'alert', text: text('ended_in_dialog') }));
            return;
        }
        this.#what.replaceChildren(
            make('p', { class: 'place', text: `${text('bed')} ${placeOf(alert)}` }),
            priorityBadge(alert),
            make('p', {}, sentence(alert)),
        );
        if (this.#kinds.some((input) => input.isConnected)) this.#times();
    }

    #forgetProblem() {
        this.#problem.textContent = '';
        this.#name.removeAttribute('aria-invalid');
    }

    async #send() {
        const alert = this.#alert;
        const by = this.#name.value.trim();
        const kind = this.#chosen;
        const for_s = Number(this.#time.value);

        if (!alert || this.#submit.disabled) return;
        if (by === '') {
            this.#problem.textContent = text('operator_missing');
            this.#name.setAttribute('aria-invalid', 'true');
            this.#name.focus();
            return;
        }
        this.#submit.disabled = true;
        this.#problem.textContent = text('sending');
        try {
            await this.#app.server.order({
                command_id: this.#command,
                kind,
                episode_id: alert.episode_id,
                by,
                note: this.#note.value.trim(),
                ...(for_s > 0 ? { for_s } : {}),
            });
            Object.assign(operator, { name: by, at: performance.now() });
            this.element.close();
            this.#app.announce(
                text(kind === 'snooze' ? 'ok_snoozed' : 'ok_acknowledged', {
                    bed: placeOf(alert),
                    title: alert.title,
                }),
            );
        } catch (error) {
            const { status, message } = /** @type {import('./server.js').ServerError} */ (error);

            this.#problem.textContent = text('failed', {
                why: status === 504 || status === 0 ? `${text('timeout')} (${message})` : message,
            });
            /* What was refused is not asked for again under the same name: it would be answered the same. */
            if (status === 409) this.#command = newId();
        }
        this.#submit.disabled = !this.#alert;
    }
}
