// Package fault breaks a running zhenni from outside and checks what it promised: it starts the real binary as a child
// process, asks it over HTTP, and knows nothing of its inside but that a store is a folder of files.
//
//	person.go, history.go                who is asked about; what was asked and answered, and whether that can be explained
//	register.go, load.go, audit.go       what every credential must answer; concurrent clients; asking about all of them
//	server.go, scratch.go                the child process; folders and mounts that go away again
//	crash.go                             SIGKILL at any moment
//	disk.go, device_linux.go             a block device that loses what was not flushed
//	power_linux.go                       cuts its power under a server
//	rules.go, faulty_linux.go            a file system that fails by rule
//	full_linux.go, supervisor.go         a store served on it, and started again when the server ended
//	damage.go, prepared.go, corrupt.go   a store damaged while nobody serves it
//	soak_linux.go                        all of it slowly, watching what the process takes
//
// # What is checked
//
// The acknowledgements are kept by the parent, outside of what is broken. A credential is a register: absent, active,
// revoked. An acknowledged change is there after every fault; one whose answer never came may be there or not, but not
// come and go. Every question and answer is an event with the time of its call and of its return, and package porcupine
// must find an order of the events of each credential that explains all answers: [Check].
//
// # What a power loss is
//
// The store lies on an ext4 file system, on a loop device, whose backing file is served by this process: a write that
// reaches [Disk] is volatile until the flush that follows it. When the power is cut, each volatile sector is kept or
// lost by the throw of a coin, so that writes are lost in any order and torn at any sector, and what was flushed is
// kept. That is all a disk may do, and no page cache of the host hides anything: the kernel's cache of the file system
// dies with the device. A [Disk] that lies about flushes is the control: the loss it causes must be seen.
package fault
