// Package app is a holder's app as a page on the holder's own machine: it opens a session by its link, shows who asks and what for,
// takes a picture with the camera and shows the person. It is what the pages of a server hand over to, and what an app of a phone is
// written after.
//
//	browser ──picture──▶ App ──embedding, rotated and signed──▶ server
//	        ◀─session───     ◀──────────session─────────────
//
// The picture comes from the browser to this process and no further: the embedding is made here, by a model that its owner
// brings, rotated by the phone's key and signed for by the phone. Picture and embedding are kept nowhere.
//
// # Who may use it
//
// The page is for the browser of one person on this machine. It is served to the address it was made for alone, so that no name
// that somebody else resolves to this machine reaches it; what it does is done for requests of its own page alone, and with the key that
// the page was started by, which stands behind the "#" of its address and is then kept in this browser, for as long as the process lives. Each request names the
// seat that its page shows, and is done for no other.
//
// A link that a server's page hands over goes to the port, whoever listens there: while no app runs, whoever else on the machine holds the
// port gets it, and may look at who asks or decline.
package app
