/** What every transport promises, as one suite. */
package dev.gyre.comms.memory;
