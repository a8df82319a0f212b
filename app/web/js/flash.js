/* flash.js - keeps all that flashes in step.
 *
 * High priority flashes at 2 Hz, medium at 0.6 Hz (base.css). Many tiles that flash each at a moment of
 * its own would together pass three flashes a second, which WCAG 2.3.1 forbids; and a wall of tiles in
 * step can be read, while one that flickers cannot. */

/** From now on all animations of the page start at the same moment. */
export function keepFlashesInStep() {
    document.addEventListener('animationstart', (event) => {
        for (const animation of /** @type {Element} */ (event.target).getAnimations({ subtree: true })) {
            if (animation.startTime !== 0) animation.startTime = 0;
        }
    });
}
