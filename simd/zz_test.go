package simd
import ("testing";"time";"fmt")
func TestZZPeak(t *testing.T){
 for range 5 {
 s:=time.Now(); peakVNNI(1000000); e:=time.Since(s)
 fmt.Printf("peak %.2f G/s\n", 28e6/float64(e.Nanoseconds()))
 for _,d:=range []int{64,128,192,256,320,384,512,1024,2048}{
  x,y:=filled(d,3),filled(d,5)
  best:=1e9
  for range 30 { s:=time.Now(); for range 3000 { sink+=Dot(x,y)}; if v:=float64(time.Since(s).Nanoseconds())/3000; v<best {best=v}}
  fmt.Printf("%d:%.2f ",d,best)
 }
 fmt.Println()
 }
}
