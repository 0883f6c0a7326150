/** {@code gyre bench}: options and printed tables of the benchmarks. */
@NullMarked
package dev.gyre.deploy.command.bench;

import org.jspecify.annotations.NullMarked;
