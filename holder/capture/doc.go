// Package capture makes an embedding of a picture or a clip, on the device that took it.
//
//	picture:  decode ─▶ turn upright ─▶ five points onto the template ─▶ tensor ─▶ network ─▶ embedding
//	clip:     decode ─▶ one channel ─▶ 16 kHz ─▶ windows ─▶ network, each ─▶ embedding
//
// What is done on the way, and with which network, is said by a [Manifest], which a person writes who knows the model. No
// weights come with the project; how a network is computed is the business of a [Loader], such as that of package onnx.
//
// # Pictures
//
// JPEG, PNG and WebP are told by their first bytes. The bounds ([MaxFile], [MaxSide], [MaxPixels]) are looked at before
// anything of the size that a header declares is allocated; a JPEG of more than [MaxScans] scans, each of which costs a walk
// over the picture, is refused unread. A picture is turned as its EXIF orientation says; where EXIF is damaged or absent it is
// taken to be upright. Colours are taken to be sRGB, profiles are not applied; what is transparent is black.
//
// # Alignment
//
// The five points are the centres of the eyes, the tip of the nose and the corners of the mouth, the one on the left of
// the picture first. The similarity that brings them nearest to the template of ArcFace in the least squares (Umeyama 1991,
// without reflection) maps the picture onto the network's input, by bilinear interpolation as the training of such networks
// does; what lies outside of the picture is black. The points come
//
//   - from the caller, who has a detector or a person who marked them,
//   - or from a second network in the manifest, which gives ten numbers for the whole picture scaled to its input,
//   - or from nowhere, where the picture has exactly the size of the input: it is taken to be aligned.
//
// There is no face detector here: anchors and boxes differ from model to model, and a detector that is half right would
// align the wrong face. A picture of another size without points is refused.
//
// # Clips
//
// WAV with PCM of 8–32 bits or 32-bit floats, at most [MaxSeconds] long. Windows of the network's length overlap by half; the embedding is
// the sum of the windows' unit vectors.
//
// The package reads no file but those a manifest names, reads no clock, starts no goroutine and logs nothing. What it
// decodes is forgotten when the call returns; Go's memory is not overwritten.
package capture
