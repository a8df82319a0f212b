/* dom.js - making elements, and changing them as little as possible.
 *
 * What is written is compared with what stands there first: a page of 500 beds changes a few fields a
 * second, and each write costs layout. Nothing here takes HTML from anybody: text is text. */

/** @typedef {Record<string, string | number | boolean | null | ((event: any) => void)>} Attributes */

/** Makes an element. Attributes with a function are listeners ("click"), `text` is its text, those
 *  that are null or false are left out.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag  @param {Attributes} [attributes]  @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[T]} */
export function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);

    for (const [name, value] of Object.entries(attributes)) {
        if (typeof value === 'function') element.addEventListener(name, value);
        else if (name === 'text') element.append(String(value));
        else if (value !== null && value !== false)
            element.setAttribute(name, value === true ? '' : String(value));
    }
    for (const child of children) {
        if (child !== null) element.append(child);
    }
    return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** Makes an element of a drawing (SVG). @param {string} tag
 * @param {Record<string, string | number>} attributes  @param {...Element} children */
export function drawing(tag, attributes, ...children) {
    const element = document.createElementNS(SVG, tag);

    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
    element.append(...children);
    return element;
}

/** A field that holds one text. */
export class Field {
    #node = document.createTextNode('');
    #text = '';

    /** @param {HTMLElement} element  the text is its only content */
    constructor(element) {
        this.element = element;
        element.replaceChildren(this.#node);
    }

    /** @param {string} text */
    set(text) {
        if (text === this.#text) return;
        this.#text = text;
        this.#node.data = text;
    }
}

/** Sets or removes an attribute when that changes something.
 * @param {Element} element  @param {string} name  @param {string | null} value */
export function setAttribute(element, name, value) {
    if (value === element.getAttribute(name)) return;
    if (value === null) element.removeAttribute(name);
    else element.setAttribute(name, value);
}

/** @param {HTMLElement} element  @param {boolean} hidden */
export function setHidden(element, hidden) {
    if (element.hidden !== hidden) element.hidden = hidden;
}

/** An element that the page has from the start. @param {string} id  @returns {HTMLElement} */
export function byId(id) {
    const element = document.getElementById(id);

    if (!element) throw new Error(`index.html has no #${id}`);
    return element;
}
