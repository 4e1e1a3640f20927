package zhenni

import "fmt"

// names maps the values of a small enumeration to their one written form.
type names[T ~uint8] map[T]string

func (n names[T]) name(v T, kind string) string {
	if s, ok := n[v]; ok {
		return s
	}
	return fmt.Sprintf("%s(%d)", kind, uint8(v))
}

func (n names[T]) marshal(v T, kind string) ([]byte, error) {
	s, ok := n[v]
	if !ok {
		return nil, fmt.Errorf("%w: %s %d has no written form", ErrBadValue, kind, uint8(v))
	}
	return []byte(s), nil
}

func (n names[T]) unmarshal(v *T, text []byte, kind string) error {
	for value, s := range n {
		if s == string(text) {
			*v = value
			return nil
		}
	}
	return fmt.Errorf("%w: %q is not a %s", ErrBadValue, text, kind)
}
