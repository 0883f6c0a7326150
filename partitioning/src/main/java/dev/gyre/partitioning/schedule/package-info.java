/** Attention over the ranks of a row as data: messages and tiles, step by step. */
@NullMarked
package dev.gyre.partitioning.schedule;

import org.jspecify.annotations.NullMarked;
