//! The guest that is dangerous before it runs.

/// Variables of the bomb's one function, as many as WebAssembly allows.
const LOCALS: u32 = 50_000;

/// Loops around each other. The compiler asks in each of them what every variable may be.
const LOOPS: u32 = 1_000;

/// This component with a core module more that nobody instantiates: 400 kB in which a compiler finds
/// `LOCALS * LOOPS` values.
#[must_use]
pub fn compile_bomb(component: &[u8]) -> Vec<u8> {
    let mut body = vec![1];
    leb(&mut body, LOCALS);
    body.push(I32);
    for _ in 0..LOOPS {
        body.extend([LOOP, EMPTY]);
    }
    for local in 0..LOCALS {
        // local = local + local
        for opcode in [LOCAL_GET, LOCAL_GET] {
            body.push(opcode);
            leb(&mut body, local);
        }
        body.extend([I32_ADD, LOCAL_SET]);
        leb(&mut body, local);
    }
    for _ in 0..LOOPS {
        // Once more if the first variable says so.
        body.extend([LOCAL_GET, 0, BR_IF, 0, END]);
    }
    body.push(END);

    let mut code = vec![1];
    leb(&mut code, body.len() as u32);
    code.extend(body);
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    // One type without parameters and results, one function of it.
    section(&mut module, 1, &[1, 0x60, 0, 0]);
    section(&mut module, 3, &[1, 0]);
    section(&mut module, 10, &code);

    let mut bomb = component.to_vec();
    section(&mut bomb, 1, &module);
    bomb
}

const I32: u8 = 0x7f;
const EMPTY: u8 = 0x40;
const LOOP: u8 = 0x03;
const END: u8 = 0x0b;
const BR_IF: u8 = 0x0d;
const LOCAL_GET: u8 = 0x20;
const LOCAL_SET: u8 = 0x21;
const I32_ADD: u8 = 0x6a;

fn section(bytes: &mut Vec<u8>, id: u8, content: &[u8]) {
    bytes.push(id);
    leb(bytes, content.len() as u32);
    bytes.extend(content);
}

/// Appends a number as unsigned LEB128, the integer encoding of WebAssembly.
fn leb(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
