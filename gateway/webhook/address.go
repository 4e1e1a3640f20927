package webhook

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"zhenni"
)

// prefixes parses networks that are written in this file.
func prefixes(written ...string) (all []netip.Prefix) {
	for _, w := range written {
		all = append(all, netip.MustParsePrefix(w))
	}
	return all
}

// The networks that are not the public internet, by IANA's registries of special-purpose addresses. Of IPv6 that is all but
// 2000::/3, and what in there leads to an IPv4 address. 168.63.129.16 is public and answers inside of a cloud only.
var (
	special4 = prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
		"172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4")
	special6 = prefixes("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
	public6  = netip.MustParsePrefix("2000::/3")
)

// mayReach reports whether a message may go to an address: a public one, or one of the networks that the operator allows. An IPv4
// address written as IPv6 counts as what it is.
func mayReach(addr netip.Addr, allowed []netip.Prefix) bool {
	addr = addr.Unmap()
	within := func(p netip.Prefix) bool { return p.Contains(addr) }
	switch {
	case !addr.IsValid(), addr.Zone() != "", addr.IsMulticast(), addr.IsUnspecified():
		return false
	case slices.ContainsFunc(allowed, within):
		return true
	case addr.Is4():
		return !slices.ContainsFunc(special4, within)
	}
	return public6.Contains(addr) && !slices.ContainsFunc(special6, within)
}

const maxURL = 512

// readURL reads the address of an endpoint: [zhenni.ErrBadValue]. It is of https, or of http to a loopback address that is written in
// numbers and allowed; without user, fragment or a host in capitals.
func readURL(text string, allowed []netip.Prefix) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, fmt.Errorf("%w: url: want an address of at most %d visible ASCII characters", zhenni.ErrBadValue, maxURL)
	}
	host := u.Hostname()
	if host == "" || host != strings.ToLower(host) || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return nil, fmt.Errorf("%w: url: want a host in small letters, no user and no fragment", zhenni.ErrBadValue)
	}
	addr, numeric := netip.ParseAddr(host)
	loopback := numeric == nil && addr.Unmap().IsLoopback()
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback):
		return nil, fmt.Errorf("%w: url: want https, or http to a loopback address", zhenni.ErrBadValue)
	case numeric == nil && !mayReach(addr, allowed):
		return nil, fmt.Errorf("%w: url: the address is not public; --webhook-allow allows a network", zhenni.ErrBadValue)
	}
	return u, nil
}
