/** The checks of {@code gyre doctor}. */
@NullMarked
package dev.gyre.deploy.doctor;

import org.jspecify.annotations.NullMarked;
