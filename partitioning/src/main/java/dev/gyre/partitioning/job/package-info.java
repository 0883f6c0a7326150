/** A job: model, data, training and mesh, as records that validate their values. */
@NullMarked
package dev.gyre.partitioning.job;

import org.jspecify.annotations.NullMarked;
