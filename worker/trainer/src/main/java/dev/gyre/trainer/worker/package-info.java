/**
 * The worker process: joins a coordinator, opens its rank, trains until it is done or told to stop.
 */
@NullMarked
package dev.gyre.trainer.worker;

import org.jspecify.annotations.NullMarked;
