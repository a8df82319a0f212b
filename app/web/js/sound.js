/* sound.js - alarm sounds, off until somebody turns them on.
 *
 * A browser plays nothing before a click, so a page that was opened and left is silent: the button
 * says so at all times. The bursts follow IEC 60601-1-8: ten pulses for high, three for medium, one
 * for low; told again each 5, 15 and 30 s while an alert of that priority asks for somebody. */
/** @typedef {import('../types').Priority} Priority */

/** Seconds from the start of the burst at which pulses begin, how long each is, and how often it is
 *  told. @type {Record<string, {pulses: number[], length_s: number, every_s: number, hertz: number}>} */
export const BURSTS = {
    high: { pulses: [0, 0.2, 0.4, 0.8, 1, 2, 2.2, 2.4, 2.8, 3], length_s: 0.12, every_s: 5, hertz: 660 },
    medium: { pulses: [0, 0.35, 0.7], length_s: 0.2, every_s: 15, hertz: 520 },
    low: { pulses: [0], length_s: 0.25, every_s: 30, hertz: 420 },
};

/** Whether the burst of `priority` is due. A more urgent one does not wait for the end of a less
 *  urgent one's pause. @param {Priority | null} priority  what asks for somebody now
 * @param {{priority: string, at_s: number} | null} last  @param {number} now_s */
export function isDue(priority, last, now_s) {
    if (!priority || !BURSTS[priority]) return false;
    return (
        !last ||
        (last.priority !== priority && priority === 'high') ||
        now_s - last.at_s >= BURSTS[priority].every_s
    );
}

export class Sound {
    /** @type {AudioContext | null} null: off */
    #audio = null;
    /** @type {{priority: string, at_s: number} | null} */
    #last = null;

    get on() {
        return this.#audio !== null;
    }

    /** Called by a click. @returns {Promise<boolean>} whether sound is on now */
    async toggle() {
        if (this.#audio) {
            await this.#audio.close();
            this.#audio = null;
            return false;
        }
        const audio = new AudioContext();

        await audio.resume();
        if (audio.state !== 'running') return false;
        this.#audio = audio;
        this.#last = null;
        this.#play('low');
        return true;
    }

    /** Each second: what asks for somebody now. @param {Priority | null} priority */
    tick(priority) {
        const now_s = performance.now() / 1000;

        if (!this.#audio || !priority || !isDue(priority, this.#last, now_s)) return;
        this.#last = { priority, at_s: now_s };
        this.#play(priority);
    }

    /** @param {string} priority */
    #play(priority) {
        const audio = /** @type {AudioContext} */ (this.#audio);
        const { pulses, length_s, hertz } = BURSTS[priority];
        const gain = audio.createGain();

        gain.gain.value = 0;
        gain.connect(audio.destination);
        const tones = [1, 2, 3].map((harmonic) => {
            const tone = audio.createOscillator();

            tone.frequency.value = hertz * harmonic;
            tone.connect(gain);
            tone.start();
            return tone;
        });
        const start = audio.currentTime + 0.05;

        for (const at of pulses) {
            gain.gain.setValueAtTime(0, start + at);
            gain.gain.linearRampToValueAtTime(0.15, start + at + 0.02);
            gain.gain.setValueAtTime(0.15, start + at + length_s - 0.02);
            gain.gain.linearRampToValueAtTime(0, start + at + length_s);
        }
        for (const tone of tones) tone.stop(start + pulses[pulses.length - 1] + length_s + 0.1);
    }
}
