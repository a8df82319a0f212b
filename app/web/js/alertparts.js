/* alertparts.js - how one alert is shown, wherever it stands: mark, word, sentence, what became of it.
 *
 * Title and text come from the server in English and are marked so, that a screen reader speaks them
 * as what they are. */
/** @typedef {import('../types').Alert} Alert */
import { make } from './dom.js';
import { priorityIcon } from './icons.js';
import { text } from './language.js';
import { isEnabled } from './risk.js';

/** Mark and word of the priority. @param {Alert} alert */
export function priorityBadge(alert) {
    return make(
        'span',
        { class: `badge priority-${alert.priority} ${isEnabled(alert) ? 'enabled' : 'taken'}` },
        priorityIcon(alert.priority),
        make('span', { text: text(alert.priority) }),
    );
}

/** What happened. @param {Alert} alert */
export function sentence(alert) {
    return make(
        'span',
        { class: 'sentence', lang: 'en' },
        make('strong', { text: alert.title }),
        ' ',
        make('span', { text: alert.said ?? alert.text }),
    );
}

/** Where: the bed, or that it is about none. @param {Alert} alert  @returns {string} */
export function placeOf(alert) {
    return alert.bed || alert.patient || text('system');
}

/** A button that opens the dialog for the alert. Its name says which alert it is about.
 * @param {Alert} alert  @param {() => void} opens */
export function acknowledgeButton(alert, opens) {
    const label = `${text('acknowledge')}: ${placeOf(alert)}, ${alert.title}`;

    return make('button', {
        type: 'button',
        class: 'acknowledge',
        'aria-label': label,
        text: text('acknowledge'),
        click: opens,
    });
}
