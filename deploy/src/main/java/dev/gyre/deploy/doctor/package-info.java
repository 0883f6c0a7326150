/** What {@code gyre doctor} looks at, and what it makes of it. */
@NullMarked
package dev.gyre.deploy.doctor;

import org.jspecify.annotations.NullMarked;
