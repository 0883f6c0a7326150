/** Pictures of plans as SVG 1.1; equal plans give equal text. */
@NullMarked
package dev.gyre.deploy.drawing;

import org.jspecify.annotations.NullMarked;
