/** A fixed training job, and collectives, to measure as other frameworks' scripts do. */
@NullMarked
package dev.gyre.deploy.bench;

import org.jspecify.annotations.NullMarked;
