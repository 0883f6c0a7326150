/**
 * The worker's side of the control stream: joining, reporting, being asked, and noticing that the
 * coordinator is gone.
 */
@NullMarked
package dev.gyre.trainer.control;

import org.jspecify.annotations.NullMarked;
