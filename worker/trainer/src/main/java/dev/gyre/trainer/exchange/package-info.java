/** Batches of sends and receives that are posted together and awaited together. */
@NullMarked
package dev.gyre.trainer.exchange;

import org.jspecify.annotations.NullMarked;
