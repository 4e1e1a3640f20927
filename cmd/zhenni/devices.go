package main

import "zhenni"

// storedDevices knows the keys of devices from the records of credentials, so that a device whose move was acknowledged
// signs for nobody.
type storedDevices struct{ store *recordedStore }

// DeviceKey implements gateway.Devices.
func (d storedDevices) DeviceKey(id zhenni.CredentialID) (zhenni.PublicKey, error) {
	c, err := d.store.Credential(id)
	return c.Device, err
}
