/** A coarse tape: fused kernels and collectives with hand-written backwards, run in reverse. */
@NullMarked
package dev.gyre.model.tape;

import org.jspecify.annotations.NullMarked;
