/**
 * The worker's side of the control stream: joining, reporting, checkpoint requests, and the
 * coordinator's lease.
 */
@NullMarked
package dev.gyre.trainer.control;

import org.jspecify.annotations.NullMarked;
