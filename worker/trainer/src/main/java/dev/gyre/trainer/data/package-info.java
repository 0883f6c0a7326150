/**
 * From text to rows: sources are read once into a memory-mapped token store, documents are packed
 * into rows as a pure function of (seed, epoch, documents, sequence length), and each rank reads
 * its slice of the global batch.
 */
@NullMarked
package dev.gyre.trainer.data;

import org.jspecify.annotations.NullMarked;
