/* app.js - what the parts of the page share: the server, the state, the view that is shown.
 *
 * One second after another it looks at everything that changes by itself (ages, sound, clock); what
 * the stream brings goes to the view at once. */
import { AlertDialog } from './dialog.js';
import { AlertsView } from './alertsview.js';
import { Banner } from './banner.js';
import { BedView } from './bedview.js';
import { placeOf } from './alertparts.js';
import { Colours } from './colours.js';
import { byId, setAttribute } from './dom.js';
import { HistoryView } from './historyview.js';
import { Link } from './link.js';
import { Painter } from './painter.js';
import { isEnabled, isTold, rank } from './risk.js';
import { Settings } from './settings.js';
import { signIn } from './signin.js';
import { Sound } from './sound.js';
import { State } from './state.js';
import { text } from './language.js';
import { TimelineView } from './timelineview.js';
import { WardView } from './wardview.js';

const TICK_MS = 1000;
const LOOK_MS = 250;

/** @typedef {{element: HTMLElement, close: () => void, tick: () => void, redraw: () => void,
 *     update: (changes?: {beds?: Set<string>, alerts?: Set<string>}) => void,
 *     focus: (what: string) => void, hold?: (on: boolean) => void}} View */

export class App {
    painter = new Painter();
    colours = new Colours();
    sound = new Sound();
    settings = new Settings(this);
    dialog = new AlertDialog(this);
    /** What the ward view leaves out; kept while another view is shown. */
    filter = { ward: '', priority: '' };
    /** @type {View | null} */
    #view = null;
    #banner = new Banner();
    /** Drawn together with what else is: each frame costs something. */
    #clock = { visible: true, cost: 1, paint: () => this.settings.tick(this.state.now(performance.now())) };
    /** @type {Link} */
    link;
    /** @type {State} */
    state;

    /** @param {import('./server.js').Server} server  @param {import('../types').Session} session */
    constructor(server, session) {
        this.server = server;
        this.state = new State(session);
        this.state.takeClock(session, performance.now());
        document.body.append(this.dialog.element);
        byId('pipeline').textContent = session.pipeline;
        this.link = new Link(
            server,
            () => this.#renew(),
            (name, data) => this.#take(name, data),
            () => this.#linkChanged(),
        );
        window.addEventListener('hashchange', () => this.#route());
        window.setInterval(() => this.#tick(), TICK_MS);
        window.setInterval(() => this.#look(), LOOK_MS);
        this.settings.show();
        this.#route();
    }

    get mayAcknowledge() {
        return this.state.session.roles.includes('acknowledge');
    }

    /** Whether alerts may begin that this page would not hear of. */
    get #blind() {
        return (
            this.link.state === 'lost' ||
            this.link.state === 'stalled' ||
            this.state.heart?.alerts_known === false
        );
    }

    /** Seconds since the server last said anything. @param {number} local_ms */
    silent_s(local_ms) {
        return Math.max(0, local_ms - (this.link.heard_ms ?? 0)) / 1000;
    }

    /** Tells what was done, also to those who do not see it. @param {string} words */
    announce(words) {
        byId('polite').textContent = words;
    }

    /** @param {string} episode */
    openDialog(episode) {
        const alert = this.state.alerts.get(episode);

        if (!alert || this.dialog.open) return;
        this.#view?.hold?.(true);
        this.dialog.show(episode, () => {
            this.#view?.focus(this.#view instanceof WardView ? (alert.key ?? '') : episode);
            this.#view?.hold?.(false);
        });
    }

    coloursChanged() {
        this.colours.forget();
        this.#view?.redraw();
    }

    languageChanged() {
        this.settings.show();
        this.#route();
    }

    /** Before each stream: a server that was started anew has other keys of beds, and maybe another
     *  configuration. */
    async #renew() {
        const session = await this.server.get('session');

        if (session.run === this.state.session.run) {
            this.state.session.roles = session.roles;
            return;
        }
        this.state = new State(session);
        this.state.takeClock(session, performance.now());
        if (this.dialog.open) this.dialog.element.close();
        this.#route();
    }

    /** @param {string} name  @param {any} data */
    #take(name, data) {
        this.state.takeClock(data, performance.now());
        if (name === 'heart') {
            this.state.heart = data;
        } else if (name === 'beds') {
            const { changed } = this.state.takeBeds(data);

            this.#view?.update({ beds: changed });
        } else if (name === 'alerts') {
            const { changed, told } = this.state.takeAlerts(data);

            this.#view?.update({ alerts: changed });
            if (this.dialog.open) this.dialog.update();
            this.#tell(told);
        }
    }

    /** Says to a screen reader what is high, at once; the rest is on the page.
     * @param {import('../types').Alert[]} told */
    #tell(told) {
        const high = told.filter((alert) => alert.priority === 'high').slice(-3);

        if (high.length > 0) {
            byId('urgent').textContent = high
                .map((alert) =>
                    text('new_alert', {
                        priority: text(alert.priority),
                        bed: placeOf(alert),
                        title: alert.title,
                        text: alert.text,
                    }),
                )
                .join(' ');
        }
    }

    #linkChanged() {
        this.#look();
        this.#view?.update();
        if (this.link.state === 'refused') this.#signInAgain();
    }

    #signInAgain() {
        this.#show(null);
        byId('main').replaceChildren(
            signIn(true, (token) => {
                this.server.setToken(token);
                location.reload();
            }),
        );
    }

    #look() {
        const local_ms = performance.now();

        this.#banner.update(
            this.link.state,
            this.state.heart,
            this.silent_s(local_ms),
            this.state.now(local_ms),
        );
        setAttribute(document.documentElement, 'data-link', this.link.state);
    }

    #tick() {
        const asking = [...this.state.alerts.values()]
            .filter((alert) => isTold(alert) && isEnabled(alert))
            .sort((a, b) => rank(b.priority) - rank(a.priority))[0];

        this.painter.ask(this.#clock);
        this.sound.tick(this.#blind && asking?.priority !== 'high' ? 'medium' : (asking?.priority ?? null));
        this.#view?.tick();
    }

    #route() {
        const [, path = '', key = ''] = /^#\/(\w*)(?:\/(\w+))?/.exec(location.hash) ?? [];

        this.settings.mark(path);
        switch (path) {
            case 'alerts':
                return this.#show(new AlertsView(this));
            case 'history':
                return this.#show(new HistoryView(this));
            case 'timeline':
                return this.#show(new TimelineView(this));
            case 'bed':
                return this.#show(new BedView(this, key));
            default:
                return this.#show(new WardView(this));
        }
    }

    /** @param {View | null} view */
    #show(view) {
        const title = view?.element.querySelector('h1')?.textContent;

        this.#view?.close();
        this.#view = view;
        byId('main').replaceChildren(...(view ? [view.element] : []));
        document.title = `${title ? `${title} · ` : ''}Vigil ${this.state.session.pipeline}`;
        window.scrollTo(0, 0);
    }
}
