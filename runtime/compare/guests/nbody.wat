;; The five bodies of the outer solar system: $n steps, and the sum of their coordinates. A body has
;; 56 bytes: place, velocity and mass, as f64.
(module
  (memory 1)
  (func $body (param $at i32)
      (param $x f64) (param $y f64) (param $z f64)
      (param $vx f64) (param $vy f64) (param $vz f64) (param $mass f64)
    (f64.store (local.get $at) (local.get $x))
    (f64.store offset=8 (local.get $at) (local.get $y))
    (f64.store offset=16 (local.get $at) (local.get $z))
    (f64.store offset=24 (local.get $at) (local.get $vx))
    (f64.store offset=32 (local.get $at) (local.get $vy))
    (f64.store offset=40 (local.get $at) (local.get $vz))
    (f64.store offset=48 (local.get $at) (local.get $mass)))
  (func $reset
    (call $body (i32.const 0) (f64.const 0) (f64.const 0) (f64.const 0)
      (f64.const 0) (f64.const 0) (f64.const 0) (f64.const 39.47841760435743))
    (call $body (i32.const 56)
      (f64.const 4.84143144246472090) (f64.const -1.16032004402742839) (f64.const -0.103622044471123109)
      (f64.const 0.606326392995832) (f64.const 2.81198684491626) (f64.const -0.02521836165988763)
      (f64.const 0.03769367487038949))
    (call $body (i32.const 112)
      (f64.const 8.34336671824457987) (f64.const 4.12479856412430479) (f64.const -0.403523417114321381)
      (f64.const -1.0107743461787924) (f64.const 1.8256623712304119) (f64.const 0.008415761376584154)
      (f64.const 0.011286326131968767))
    (call $body (i32.const 168)
      (f64.const 12.8943695621391310) (f64.const -15.1111514016986312) (f64.const -0.223307578892655734)
      (f64.const 1.0827910064415354) (f64.const 0.8687130181696082) (f64.const -0.010832637401363636)
      (f64.const 0.0017237240570597112))
    (call $body (i32.const 224)
      (f64.const 15.3796971148509165) (f64.const -25.9193146099879641) (f64.const 0.179258772950371181)
      (f64.const 0.979090732243898) (f64.const 0.5946989986476762) (f64.const -0.034755955504078104)
      (f64.const 0.0020336868699246304)))
  ;; Adds $scale * ($dx, $dy, $dz) to the velocity of a body.
  (func $pull (param $at i32) (param $dx f64) (param $dy f64) (param $dz f64) (param $scale f64)
    (f64.store offset=24 (local.get $at)
      (f64.add (f64.load offset=24 (local.get $at)) (f64.mul (local.get $dx) (local.get $scale))))
    (f64.store offset=32 (local.get $at)
      (f64.add (f64.load offset=32 (local.get $at)) (f64.mul (local.get $dy) (local.get $scale))))
    (f64.store offset=40 (local.get $at)
      (f64.add (f64.load offset=40 (local.get $at)) (f64.mul (local.get $dz) (local.get $scale)))))
  (func $step (param $dt f64)
    (local $i i32) (local $j i32)
    (local $dx f64) (local $dy f64) (local $dz f64) (local $square f64) (local $scale f64)
    (loop $first
      (local.set $j (i32.add (local.get $i) (i32.const 56)))
      (block $done
        (loop $second
          (br_if $done (i32.ge_u (local.get $j) (i32.const 280)))
          (local.set $dx (f64.sub (f64.load (local.get $i)) (f64.load (local.get $j))))
          (local.set $dy
            (f64.sub (f64.load offset=8 (local.get $i)) (f64.load offset=8 (local.get $j))))
          (local.set $dz
            (f64.sub (f64.load offset=16 (local.get $i)) (f64.load offset=16 (local.get $j))))
          (local.set $square
            (f64.add
              (f64.mul (local.get $dx) (local.get $dx))
              (f64.add
                (f64.mul (local.get $dy) (local.get $dy))
                (f64.mul (local.get $dz) (local.get $dz)))))
          (local.set $scale
            (f64.div (local.get $dt)
              (f64.mul (local.get $square) (f64.sqrt (local.get $square)))))
          (call $pull (local.get $i) (local.get $dx) (local.get $dy) (local.get $dz)
            (f64.neg (f64.mul (local.get $scale) (f64.load offset=48 (local.get $j)))))
          (call $pull (local.get $j) (local.get $dx) (local.get $dy) (local.get $dz)
            (f64.mul (local.get $scale) (f64.load offset=48 (local.get $i))))
          (local.set $j (i32.add (local.get $j) (i32.const 56)))
          (br $second)))
      (f64.store (local.get $i)
        (f64.add (f64.load (local.get $i))
          (f64.mul (local.get $dt) (f64.load offset=24 (local.get $i)))))
      (f64.store offset=8 (local.get $i)
        (f64.add (f64.load offset=8 (local.get $i))
          (f64.mul (local.get $dt) (f64.load offset=32 (local.get $i)))))
      (f64.store offset=16 (local.get $i)
        (f64.add (f64.load offset=16 (local.get $i))
          (f64.mul (local.get $dt) (f64.load offset=40 (local.get $i)))))
      (br_if $first
        (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 56))) (i32.const 280)))))
  (func (export "n-body") (param $n i32) (result i64)
    (local $i i32) (local $sum f64)
    (call $reset)
    (loop $steps
      (call $step (f64.const 0.01))
      (br_if $steps (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (loop $bodies
      (local.set $sum
        (f64.add (local.get $sum)
          (f64.add (f64.load (local.get $i)) (f64.load offset=8 (local.get $i)))))
      (br_if $bodies
        (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 56))) (i32.const 280))))
    (i64.reinterpret_f64 (local.get $sum))))
