/**
 * One suite that holds every backend to the scalar twin: {@link
 * dev.gyre.kernels.conformance.Conformance#checks}. Plain Java, so that tests turn the checks into
 * whatever their framework runs, and a start-up self-test can run them too.
 */
@NullMarked
package dev.gyre.kernels.conformance;

import org.jspecify.annotations.NullMarked;
