/* sse.js - takes a text/event-stream apart as it comes in.
 *
 * EventSource cannot send a token, so the page reads the stream by fetch() and splits it here. Lines
 * and events may be cut anywhere between two chunks. Of the format (WHATWG HTML 9.2.6) only `event`
 * and `data` mean something to the page; `id`, `retry` and comments are passed over. */

export class EventParser {
    #rest = '';
    #name = '';
    /** @type {string[]} */
    #data = [];

    /** Takes the next piece of text and returns the events that are complete with it.
     * @param {string} chunk
     * @returns {{name: string, data: string}[]} */
    feed(chunk) {
        /** @type {{name: string, data: string}[]} */
        const events = [];
        let from = 0;

        this.#rest += chunk;
        for (;;) {
            const end = this.#rest.indexOf('\n', from);

            if (end < 0) break;
            this.#line(this.#rest.slice(from, this.#rest[end - 1] === '\r' ? end - 1 : end), events);
            from = end + 1;
        }
        this.#rest = this.#rest.slice(from);
        return events;
    }

    /** @param {string} line  @param {{name: string, data: string}[]} events */
    #line(line, events) {
        if (line === '') {
            if (this.#data.length > 0)
                events.push({ name: this.#name || 'message', data: this.#data.join('\n') });
            this.#name = '';
            this.#data = [];
            return;
        }
        const colon = line.indexOf(':');
        const field = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);

        if (field === 'event') this.#name = value;
        else if (field === 'data') this.#data.push(value);
    }
}
