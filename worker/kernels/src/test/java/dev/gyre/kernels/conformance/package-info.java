/**
 * One suite that compares every backend with the scalar twin: {@link
 * dev.gyre.kernels.conformance.Conformance#checks}. Plain Java, so that tests can run the checks in
 * any framework, and a start-up self-test can run them too.
 */
@NullMarked
package dev.gyre.kernels.conformance;

import org.jspecify.annotations.NullMarked;
