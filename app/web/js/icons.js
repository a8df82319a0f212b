/* icons.js - the marks of the alarm priorities and states.
 *
 * After the symbols of IEC 60601-1-8 (IEC 60417-5307 and its like): a triangle with three, two or one
 * exclamation marks; acknowledged: in dashes; sound paused: a bell that is crossed out. Shape, number
 * and word say the same as the colour, so nobody needs to see colours. */
import { drawing, setAttribute } from './dom.js';

const MARKS = { high: 3, medium: 2, low: 1, none: 0 };

/** @param {number} width  @param {Element[]} parts */
function picture(width, ...parts) {
    return drawing(
        'svg',
        { viewBox: `0 0 ${width} 24`, width, height: 24, 'aria-hidden': 'true', focusable: 'false' },
        ...parts,
    );
}

/** A triangle with the marks of the priority. It says nothing to a screen reader: the word beside it
 *  does.
 * @param {import('../types').Priority} priority */
export function priorityIcon(priority) {
    const marks = MARKS[priority] ?? 0;
    const icon = picture(
        28,
        drawing('path', {
            d: 'M14 2 27 22H1z',
            class: 'shape',
            'stroke-width': 1.6,
            'stroke-linejoin': 'round',
        }),
    );

    for (let i = 0; i < marks; i++) {
        const x = 14 + (i - (marks - 1) / 2) * 4.4;

        icon.append(drawing('path', { d: `M${x} 10.2v5.4M${x} 17.6v2`, class: 'mark', 'stroke-width': 2 }));
    }
    setAttribute(icon, 'class', `icon priority-${priority}`);
    return icon;
}

/** @param {boolean} on  a bell, crossed out when off */
export function soundIcon(on) {
    const icon = picture(
        24,
        drawing('path', { d: 'M5 17h14l-2-3V9a5 5 0 0 0-10 0v5zM10 20a2 2 0 0 0 4 0', class: 'line' }),
    );

    if (!on) icon.append(drawing('path', { d: 'M4 3 20 21M20 3 4 21', class: 'line' }));
    setAttribute(icon, 'class', 'icon');
    return icon;
}
