// Package linktest is the test that every link.Fabric passes: what a shape means, as rules with a reason each.
//
//	func TestMain(m *testing.M) { hosttest.Main(m) }
//
//	func TestConformance(t *testing.T) {
//		linktest.Run(t, linktest.Setup{
//			Start:  func(hub *host.Host, seed uint64) (linktest.Fabric, error) { return userspace.Start(hub, seed, os.Stderr) },
//			Seeded: true,
//		})
//	}
//
// Time is judged by lower bounds, which no load of the machine can break, and by upper bounds that only a fabric
// which is wrong exceeds; with RECKON_LAB=1 in the environment, in a machine whose time is virtual, upper bounds are half a
// millisecond. Chance is judged by 99.9 % bounds where draws are seeded, and by five standard deviations where they are not.
//
// It refuses to wait for anything by sleeping: absence is shown by what came instead.
package linktest
