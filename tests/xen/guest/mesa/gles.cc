// SPDX-License-Identifier: MIT
// Runs in a guest's root: GLES 2 on Debian's Mesa, first without any surface, then on the card with
// page flips. The model charges time for 3D commands and draws nothing, so that no picture is
// looked at: what counts is that iris starts, that its work is taken and that it ends.
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GLES2/gl2.h>
#include <fcntl.h>
#include <gbm.h>
#include <poll.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

int g_failed = 0;
GLuint g_program = 0;

bool report(const char* where, const char* name, bool good) {
  std::printf("bed: %s %s, %s\n", good ? "ok" : "not ok", where, name);
  g_failed += !good;
  return good;
}

struct Egl {
  EGLDisplay display = EGL_NO_DISPLAY;
  EGLConfig config = nullptr;
  EGLContext context = EGL_NO_CONTEXT;
  ~Egl() {
    if (display == EGL_NO_DISPLAY) return;
    eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
    if (context != EGL_NO_CONTEXT) eglDestroyContext(display, context);
    eglTerminate(display);
  }
};

// A configuration whose pixels the display engine scans out too.
bool choose(Egl& egl, EGLint surface) {
  const EGLint wanted[] = {EGL_SURFACE_TYPE, surface, EGL_RENDERABLE_TYPE, EGL_OPENGL_ES2_BIT,
                           EGL_NONE};
  EGLConfig all[64];
  EGLint count = 0;
  if (!eglChooseConfig(egl.display, wanted, all, 64, &count)) return false;
  for (int i = 0; i < count; ++i) {
    EGLint format = 0;
    eglGetConfigAttrib(egl.display, all[i], EGL_NATIVE_VISUAL_ID, &format);
    if (surface == EGL_WINDOW_BIT && format != GBM_FORMAT_XRGB8888) continue;
    egl.config = all[i];
    return true;
  }
  return false;
}

bool start(Egl& egl, const char* where, EGLenum platform, void* native, EGLint surface) {
  const auto get = reinterpret_cast<PFNEGLGETPLATFORMDISPLAYEXTPROC>(
      eglGetProcAddress("eglGetPlatformDisplayEXT"));
  if (get) egl.display = get(platform, native, nullptr);
  EGLint major = 0, minor = 0;
  if (!report(where, "EGL starts", eglInitialize(egl.display, &major, &minor))) return false;
  eglBindAPI(EGL_OPENGL_ES_API);
  const EGLint version[] = {EGL_CONTEXT_CLIENT_VERSION, 2, EGL_NONE};
  if (choose(egl, surface))
    egl.context = eglCreateContext(egl.display, egl.config, EGL_NO_CONTEXT, version);
  return report(where, "a context is made", egl.context != EGL_NO_CONTEXT);
}

bool is_iris(const char* where) {
  const char* name = reinterpret_cast<const char*>(glGetString(GL_RENDERER));
  std::printf("bed: renderer %s: %s, %s\n", where, name ? name : "none",
              reinterpret_cast<const char*>(glGetString(GL_VERSION)));
  return report(where, "the renderer is Intel's", name && std::strstr(name, "Mesa Intel"));
}

GLuint shader(GLenum kind, const char* text) {
  const GLuint id = glCreateShader(kind);
  glShaderSource(id, 1, &text, nullptr);
  glCompileShader(id);
  GLint good = 0;
  glGetShaderiv(id, GL_COMPILE_STATUS, &good);
  return good ? id : 0;
}

bool use_program(const char* where) {
  const GLuint vertex =
      shader(GL_VERTEX_SHADER,
             "attribute vec2 at; varying vec2 place; uniform float turn;\n"
             "void main() { place = at; float c = cos(turn), s = sin(turn);\n"
             "gl_Position = vec4(at.x * c - at.y * s, at.x * s + at.y * c, 0.0, 1.0); }");
  const GLuint fragment = shader(GL_FRAGMENT_SHADER,
                                 "precision mediump float; varying vec2 place; uniform sampler2D "
                                 "picture;\nvoid main() { gl_FragColor = texture2D(picture, place) "
                                 "+ vec4(place, 0.5, 1.0); }");
  g_program = glCreateProgram();
  glAttachShader(g_program, vertex);
  glAttachShader(g_program, fragment);
  glBindAttribLocation(g_program, 0, "at");
  glLinkProgram(g_program);
  GLint good = 0;
  glGetProgramiv(g_program, GL_LINK_STATUS, &good);
  glUseProgram(g_program);
  return report(where, "shaders compile", vertex && fragment && good);
}

void use_texture() {
  std::uint32_t texels[64 * 64];
  for (std::uint32_t i = 0; i < 64 * 64; ++i) texels[i] = i * 0x9E3779B9u;
  GLuint texture = 0;
  glGenTextures(1, &texture);
  glBindTexture(GL_TEXTURE_2D, texture);
  glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA, 64, 64, 0, GL_RGBA, GL_UNSIGNED_BYTE, texels);
  glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
}

void use_triangle() {
  static const GLfloat corners[] = {-0.8f, -0.8f, 0.8f, -0.8f, 0.0f, 0.8f};
  GLuint buffer = 0;
  glGenBuffers(1, &buffer);
  glBindBuffer(GL_ARRAY_BUFFER, buffer);
  glBufferData(GL_ARRAY_BUFFER, sizeof(corners), corners, GL_STATIC_DRAW);
  glVertexAttribPointer(0, 2, GL_FLOAT, GL_FALSE, 0, nullptr);
  glEnableVertexAttribArray(0);
}

void draw(int frame) {
  glClearColor(0.1f * static_cast<float>(frame % 10), 0.2f, 0.4f, 1);
  glClear(GL_COLOR_BUFFER_BIT | GL_DEPTH_BUFFER_BIT);
  glUniform1f(glGetUniformLocation(g_program, "turn"), 0.2f * static_cast<float>(frame));
  glDrawArrays(GL_TRIANGLES, 0, 3);
}

bool prepare(const char* where) {
  if (!is_iris(where) || !use_program(where)) return false;
  use_texture();
  use_triangle();
  return report(where, "no error in setting up", glGetError() == GL_NO_ERROR);
}

// A frame buffer object with colour and depth.
bool make_target() {
  GLuint target = 0, buffers[2];
  glGenFramebuffers(1, &target);
  glBindFramebuffer(GL_FRAMEBUFFER, target);
  glGenRenderbuffers(2, buffers);
  glBindRenderbuffer(GL_RENDERBUFFER, buffers[0]);
  glRenderbufferStorage(GL_RENDERBUFFER, GL_RGB565, 256, 256);
  glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_RENDERBUFFER, buffers[0]);
  glBindRenderbuffer(GL_RENDERBUFFER, buffers[1]);
  glRenderbufferStorage(GL_RENDERBUFFER, GL_DEPTH_COMPONENT16, 256, 256);
  glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_DEPTH_ATTACHMENT, GL_RENDERBUFFER, buffers[1]);
  glViewport(0, 0, 256, 256);
  return glCheckFramebufferStatus(GL_FRAMEBUFFER) == GL_FRAMEBUFFER_COMPLETE;
}

void surfaceless(int frames) {
  const char* where = "surfaceless";
  Egl egl;
  if (!start(egl, where, EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, EGL_PBUFFER_BIT))
    return;
  if (!report(where, "the context is current",
              eglMakeCurrent(egl.display, EGL_NO_SURFACE, EGL_NO_SURFACE, egl.context)))
    return;
  if (!prepare(where) || !report(where, "a frame buffer is made", make_target())) return;
  for (int i = 0; i < frames; ++i) {
    draw(i);
    glFinish();
  }
  std::uint32_t pixel = 0;
  glReadPixels(1, 1, 1, 1, GL_RGBA, GL_UNSIGNED_BYTE, &pixel);
  report(where, "frames are drawn and finished", glGetError() == GL_NO_ERROR);
}

// The first monitor, its preferred mode and what drives it.
struct Screen {
  int fd = -1;
  std::uint32_t connector = 0, crtc = 0;
  drmModeModeInfo mode{};
};

bool find_screen(Screen& screen) {
  drmModeRes* all = drmModeGetResources(screen.fd);
  for (int i = 0; all && i < all->count_connectors && screen.connector == 0; ++i) {
    drmModeConnector* one = drmModeGetConnector(screen.fd, all->connectors[i]);
    if (one && one->connection == DRM_MODE_CONNECTED && one->count_modes > 0) {
      screen.connector = one->connector_id;
      screen.mode = one->modes[0];
    }
    drmModeFreeConnector(one);
  }
  if (screen.connector) screen.crtc = all->crtcs[0];
  drmModeFreeResources(all);
  return screen.connector != 0;
}

std::uint32_t frame_buffer(const Screen& screen, gbm_bo* bo) {
  const std::uint32_t handles[4] = {gbm_bo_get_handle(bo).u32};
  const std::uint32_t strides[4] = {gbm_bo_get_stride(bo)}, offsets[4] = {};
  const std::uint64_t modifiers[4] = {gbm_bo_get_modifier(bo)};
  std::uint32_t id = 0;
  if (drmModeAddFB2WithModifiers(screen.fd, gbm_bo_get_width(bo), gbm_bo_get_height(bo),
                                 GBM_FORMAT_XRGB8888, handles, strides, offsets, modifiers, &id,
                                 DRM_MODE_FB_MODIFIERS) != 0)
    return 0;
  return id;
}

void flipped(int, unsigned, unsigned, unsigned, void* data) { *static_cast<bool*>(data) = true; }

// Asks for a flip and waits for its event, which comes with the next vertical blank.
bool flip(const Screen& screen, std::uint32_t buffer) {
  bool done = false;
  if (drmModePageFlip(screen.fd, screen.crtc, buffer, DRM_MODE_PAGE_FLIP_EVENT, &done) != 0)
    return false;
  drmEventContext events{};
  events.version = 2;
  events.page_flip_handler = flipped;
  pollfd poll_it{screen.fd, POLLIN, 0};
  while (!done && poll(&poll_it, 1, 5000) > 0) drmHandleEvent(screen.fd, &events);
  return done;
}

bool show(const Screen& screen, const Egl& egl, EGLSurface surface, gbm_surface* window,
          int frame) {
  draw(frame);
  if (!eglSwapBuffers(egl.display, surface)) return false;
  gbm_bo* bo = gbm_surface_lock_front_buffer(window);
  const std::uint32_t buffer = bo ? frame_buffer(screen, bo) : 0;
  if (buffer == 0) return false;
  std::uint32_t connector = screen.connector;
  drmModeModeInfo mode = screen.mode;
  const bool good =
      frame == 0 ? drmModeSetCrtc(screen.fd, screen.crtc, buffer, 0, 0, &connector, 1, &mode) == 0
                 : flip(screen, buffer);
  if (frame > 0) gbm_surface_release_buffer(window, bo);
  return good;
}

void on_the_card(const char* node, int frames) {
  const char* where = "on the card";
  Screen screen;
  screen.fd = open(node, O_RDWR | O_CLOEXEC);
  if (!report(where, "there is a monitor", screen.fd >= 0 && find_screen(screen))) return;
  std::printf("bed: mode %s\n", screen.mode.name);
  gbm_device* device = gbm_create_device(screen.fd);
  Egl egl;
  if (!start(egl, where, EGL_PLATFORM_GBM_KHR, device, EGL_WINDOW_BIT)) return;
  gbm_surface* window =
      gbm_surface_create(device, screen.mode.hdisplay, screen.mode.vdisplay, GBM_FORMAT_XRGB8888,
                         GBM_BO_USE_SCANOUT | GBM_BO_USE_RENDERING);
  const EGLSurface surface = eglCreateWindowSurface(
      egl.display, egl.config, reinterpret_cast<EGLNativeWindowType>(window), nullptr);
  if (!report(
          where, "a surface is made and current",
          surface != EGL_NO_SURFACE && eglMakeCurrent(egl.display, surface, surface, egl.context)))
    return;
  if (!prepare(where)) return;
  bool good = true;
  for (int i = 0; good && i < frames; ++i) good = show(screen, egl, surface, window, i);
  report(where, "frames are drawn and flipped", good);
  glFinish();
  report(where, "the work is finished", glGetError() == GL_NO_ERROR);
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const int frames = argc > 2 ? std::atoi(argv[2]) : 4;
  if (argc < 2 || std::strcmp(argv[1], "surfaceless") == 0)
    surfaceless(frames);
  else
    on_the_card(argv[1], frames);
  return g_failed != 0;
}
