/* moves.js - which elements have to move so that a list gets its new order.
 *
 * Each element that moves is laid out anew and loses the place of its animation; so those of the
 * longest run that is in order already stay, and only the others move. */

/** @template T  @param {T[]} before  @param {T[]} after  holds the same elements, or others
 * @returns {Set<T>} the elements of `after` that may stay where they are */
export function staying(before, after) {
    const place = new Map(before.map((key, i) => [key, i]));
    const known = after.filter((key) => place.has(key));
    /** @type {number[]} index into `known` of the smallest end of an increasing run of each length */
    const ends = [];
    /** @type {number[]} */
    const previous = [];

    known.forEach((key, i) => {
        const at = /** @type {number} */ (place.get(key));
        let low = 0;
        let high = ends.length;

        while (low < high) {
            const middle = (low + high) >> 1;

            if (/** @type {number} */ (place.get(known[ends[middle]])) < at) low = middle + 1;
            else high = middle;
        }
        previous[i] = low > 0 ? ends[low - 1] : -1;
        ends[low] = i;
    });

    /** @type {Set<T>} */
    const stay = new Set();

    for (let i = ends.length > 0 ? ends[ends.length - 1] : -1; i >= 0; i = previous[i]) stay.add(known[i]);
    return stay;
}
