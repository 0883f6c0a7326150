/** The job a person describes: model, data, training, mesh. Records that check themselves. */
@NullMarked
package dev.gyre.partitioning.job;

import org.jspecify.annotations.NullMarked;
