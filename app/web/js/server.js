/* server.js - asks the server, with the token, and says in words what went wrong.
 *
 * The token comes by the fragment of the address (#token=...), which no server sees and which is taken
 * out of the address and the history at once, or by the form of signin.js. It is kept for this tab. */

const KEPT_AS = 'vigil.token';
const TIMEOUT_MS = 10000;
const ORDER_TIMEOUT_MS = 35000;

export class ServerError extends Error {
    /** @param {number} status  0: no answer  @param {string} message  @param {string} [code] */
    constructor(status, message, code) {
        super(message);
        this.status = status;
        this.code = code;
    }
}

export class Server {
    #token = '';

    /** Takes the token of the address, or that of before. */
    takeToken() {
        const match = /^#token=([^&]+)(?:&.*)?$/.exec(location.hash);

        if (match) {
            history.replaceState(null, '', location.pathname);
            sessionStorage.setItem(KEPT_AS, decodeURIComponent(match[1]));
        }
        this.#token = sessionStorage.getItem(KEPT_AS) ?? '';
    }

    get hasToken() {
        return this.#token !== '';
    }

    /** @param {string} token */
    setToken(token) {
        sessionStorage.setItem(KEPT_AS, token);
        this.#token = token;
    }

    /** @param {string} path  below /api/v1/  @param {AbortSignal} [signal]  @returns {Promise<any>} */
    async get(path, signal) {
        const timeout = AbortSignal.timeout(TIMEOUT_MS);
        const answer = await this.#fetch(path, {
            signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        });

        return answer.json();
    }

    /** @param {AbortSignal} signal  @returns {Promise<ReadableStream<Uint8Array>>} */
    async stream(signal) {
        const answer = await this.#fetch('stream', { signal, headers: { Accept: 'text/event-stream' } });

        return /** @type {ReadableStream<Uint8Array>} */ (answer.body);
    }

    /** Gives an order, and comes back when it is durable. Giving it again with the same command_id is
     *  safe. @param {Record<string, unknown>} order */
    async order(order) {
        await this.#fetch('orders', {
            method: 'POST',
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify(order),
            signal: AbortSignal.timeout(ORDER_TIMEOUT_MS),
        });
    }

    /** @param {string} path  @param {RequestInit} options  @returns {Promise<Response>} */
    async #fetch(path, options) {
        /** @type {Record<string, string>} */
        const headers = { .../** @type {Record<string, string>} */ (options.headers) };

        if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
        let answer;

        try {
            answer = await fetch(`api/v1/${path}`, {
                ...options,
                headers,
                cache: 'no-store',
                redirect: 'error',
            });
        } catch (error) {
            throw new ServerError(0, /** @type {Error} */ (error).message);
        }
        if (answer.ok) return answer;
        const said = await answer.json().catch(() => ({}));

        throw new ServerError(
            answer.status,
            said.message ?? said.error ?? `HTTP ${answer.status}`,
            said.code,
        );
    }
}
