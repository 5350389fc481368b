// Package hosttest runs a package's tests in a private tree, where they can make hosts: as root,
// and as an ordinary user where the kernel allows user namespaces.
//
//	func TestMain(m *testing.M) { hosttest.Main(m) }
//
//	func TestPing(t *testing.T) {
//		hosttest.Need(t)
//		...
//	}
//
// A missing permission never goes unnoticed: Need skips with the reason, and fails where the
// environment says CI=true.
package hosttest
