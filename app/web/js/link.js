/* link.js - keeps the stream of events open, and says when it is not.
 *
 * The server sends a heart each second, also when nothing changes and when the chain hangs. Three
 * seconds without anything (freshness.js) are a lost connection, whatever the network says: a cable that
 * was pulled makes no error for minutes. What a stream sent that was given up is not looked at. */
import { linkState, LOST_MS } from './freshness.js';
import { EventParser } from './sse.js';

const LOOK_MS = 250;
const RETRY_MS = [300, 1000, 2000, 4000];

/** @typedef {import('../types').LinkState} LinkState */

export class Link {
    /** @type {LinkState} */
    state = 'connecting';
    /** @type {number | null} performance.now() when something last came */
    heard_ms = null;
    #started_ms = performance.now();
    #opened_ms = this.#started_ms;
    #tries = 0;
    /** @type {AbortController | null} */
    #request = null;
    #looking = 0;
    #retry = 0;
    /** @type {import('../types').Heart | null} */
    #heart = null;
    #server;
    #opens;
    #takes;
    #tells;

    /** @param {import('./server.js').Server} server
     * @param {() => Promise<void>} opens  called before each stream
     * @param {(name: string, data: any) => void} takes  called with each event
     * @param {(state: LinkState) => void} tells  called when the state has changed */
    constructor(server, opens, takes, tells) {
        this.#server = server;
        this.#opens = opens;
        this.#takes = takes;
        this.#tells = tells;
        this.#looking = window.setInterval(() => this.#look(), LOOK_MS);
        document.addEventListener('visibilitychange', () => this.#look());
        this.#open();
    }

    close() {
        window.clearInterval(this.#looking);
        window.clearTimeout(this.#retry);
        this.#request?.abort();
    }

    async #open() {
        const request = (this.#request = new AbortController());

        this.#opened_ms = performance.now();
        try {
            await this.#opens();
            const body = await this.#server.stream(request.signal);

            await this.#read(body, request);
        } catch (error) {
            if (request.signal.aborted) return;
            if (/** @type {any} */ (error).status === 401 || /** @type {any} */ (error).status === 403) {
                this.#is('refused');
                this.close();
                return;
            }
        }
        if (!request.signal.aborted) this.#again();
    }

    /** @param {ReadableStream<Uint8Array>} body  @param {AbortController} request */
    async #read(body, request) {
        const reader = body.getReader();
        const parser = new EventParser();
        const decoder = new TextDecoder();

        for (;;) {
            const { done, value } = await reader.read();

            if (done || request.signal.aborted) return;
            for (const { name, data } of parser.feed(decoder.decode(value, { stream: true })))
                this.#event(name, JSON.parse(data));
        }
    }

    /** @param {string} name  @param {any} data */
    #event(name, data) {
        this.heard_ms = performance.now();
        this.#tries = 0;
        if (name === 'heart') this.#heart = data;
        this.#takes(name, data);
        this.#look();
    }

    #again() {
        window.clearTimeout(this.#retry);
        this.#retry = window.setTimeout(
            () => this.#open(),
            RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)],
        );
    }

    #look() {
        const now = performance.now();
        const state = linkState(this.heard_ms, this.#started_ms, now, this.#heart);
        const silent_ms = now - Math.max(this.heard_ms ?? 0, this.#opened_ms);

        if (this.state === 'refused') return;
        this.#is(state);
        /* A stream that says nothing for twice as long will not speak again. */
        if (silent_ms > 2 * LOST_MS && this.#request && !this.#request.signal.aborted) {
            this.#request.abort();
            this.#again();
        }
    }

    /** @param {LinkState} state */
    #is(state) {
        if (state === this.state) return;
        this.state = state;
        this.#tells(state);
    }
}
