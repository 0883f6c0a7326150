/** Pictures of plans, as SVG 1.1 text: the same plan, the same text. */
@NullMarked
package dev.gyre.deploy.drawing;

import org.jspecify.annotations.NullMarked;
