// Sessions of onnxruntime whose tensors stay where they are (IoBinding): training state and frozen weights lie on the
// CUDA device, every session of the process reads them there, and a run copies nothing that the caller did not ask for.
// onnxruntime-node has no such binding. setup/build-device-binding.ts compiles this file; native.ts loads the result and
// declares its functions.
//
// onnxruntime publishes its C API as a table of functions whose order never changes (OrtApi, onnxruntime_c_api.h). No
// package has the header, so the places of the functions that are used stand here. Nothing else of onnxruntime is
// linked, so that the file fits every release from 1.23 on.
#include <node_api.h>

#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

// onnxruntime's C API

enum Function : int {
  GET_ERROR_MESSAGE = 2,
  CREATE_ENV = 3,
  CREATE_SESSION_FROM_ARRAY = 8,
  CREATE_SESSION_OPTIONS = 10,
  DISABLE_MEM_PATTERN = 17,
  ENABLE_CPU_MEM_ARENA = 18,
  DISABLE_CPU_MEM_ARENA = 19,
  SET_SESSION_LOG_SEVERITY_LEVEL = 22,
  SET_SESSION_GRAPH_OPTIMIZATION_LEVEL = 23,
  SET_INTRA_OP_NUM_THREADS = 24,
  CREATE_RUN_OPTIONS = 39,
  CREATE_TENSOR = 48,
  CREATE_TENSOR_WITH_DATA = 49,
  CREATE_MEMORY_INFO = 68,
  RELEASE_STATUS = 93,
  RELEASE_MEMORY_INFO = 94,
  RELEASE_SESSION = 95,
  RELEASE_VALUE = 96,
  RELEASE_RUN_OPTIONS = 97,
  RELEASE_SESSION_OPTIONS = 100,
  ADD_SESSION_CONFIG_ENTRY = 130,
  CREATE_ALLOCATOR = 131,
  RELEASE_ALLOCATOR = 132,
  RUN_WITH_BINDING = 133,
  CREATE_IO_BINDING = 134,
  RELEASE_IO_BINDING = 135,
  BIND_INPUT = 136,
  BIND_OUTPUT = 137,
  ADD_RUN_CONFIG_ENTRY = 165,
  APPEND_EXECUTION_PROVIDER_CUDA_V2 = 204,
  CREATE_CUDA_PROVIDER_OPTIONS = 205,
  UPDATE_CUDA_PROVIDER_OPTIONS = 206,
  RELEASE_CUDA_PROVIDER_OPTIONS = 208,
};

struct ApiBase {
  void *const *(*get_api)(uint32_t version);
  const char *(*get_version_string)();
};
extern "C" const ApiBase *OrtGetApiBase();

// The version of the API whose table has every function above.
constexpr uint32_t API_VERSION = 23;

void *const *api() {
  static void *const *table = OrtGetApiBase()->get_api(API_VERSION);
  if (table == nullptr)
    throw std::runtime_error("onnxruntime " + std::string(OrtGetApiBase()->get_version_string()) +
                             " is older than 1.23; npm ci installs the version that fits");
  return table;
}

// Calls a function that returns a status; throws its message where it failed.
template <typename... Arguments> void call(Function function, Arguments... arguments) {
  void *status = reinterpret_cast<void *(*)(Arguments...)>(api()[function])(arguments...);
  if (status == nullptr)
    return;
  std::string message = reinterpret_cast<const char *(*)(void *)>(api()[GET_ERROR_MESSAGE])(status);
  reinterpret_cast<void (*)(void *)>(api()[RELEASE_STATUS])(status);
  throw std::runtime_error(message);
}

// An object of onnxruntime, released at the end of its scope by the function that belongs to it.
template <Function release> struct Owned {
  void *object = nullptr;
  Owned() = default;
  Owned(const Owned &) = delete;
  Owned &operator=(const Owned &) = delete;
  ~Owned() {
    if (object != nullptr)
      reinterpret_cast<void (*)(void *)>(api()[release])(object);
  }
};

void *environment() {
  // One for the process, as onnxruntime has it; errors only, for they are thrown as well.
  static void *const created = [] {
    void *env = nullptr;
    call(CREATE_ENV, 4, "deltabench", &env);
    return env;
  }();
  return created;
}

// What JavaScript holds. A tensor and a binding keep their session, so that they may be released in any order.

struct Session {
  Owned<RELEASE_MEMORY_INFO> memory;
  Owned<RELEASE_SESSION> session;
  Owned<RELEASE_ALLOCATOR> allocator;
};

struct Tensor {
  std::shared_ptr<Session> session;
  // The array that a view reads and writes; it must not be collected while the view lives.
  napi_env env = nullptr;
  napi_ref array = nullptr;
  Owned<RELEASE_VALUE> value;
  ~Tensor() {
    if (array != nullptr)
      napi_delete_reference(env, array);
  }
};

struct Binding {
  std::shared_ptr<Session> session;
  // They outlive the binding below, which frees memory through the allocators of their sessions.
  std::map<std::string, std::shared_ptr<Tensor>> inputs, outputs;
  Owned<RELEASE_RUN_OPTIONS> options;
  Owned<RELEASE_IO_BINDING> binding;
};

enum class Kind { session, tensor, binding };
constexpr const char *NAMES[] = {"session", "tensor", "binding"};

struct Handle {
  Kind kind;
  std::shared_ptr<void> object;
};

// Node-API

void check(napi_env env, napi_status status) {
  if (status == napi_ok)
    return;
  const napi_extended_error_info *info = nullptr;
  napi_get_last_error_info(env, &info);
  throw std::runtime_error(info != nullptr && info->error_message != nullptr ? info->error_message : "Node-API failed");
}

napi_value wrap(napi_env env, Kind kind, std::shared_ptr<void> object) {
  auto handle = std::make_unique<Handle>(Handle{kind, std::move(object)});
  const auto collected = [](napi_env, void *data, void *) { delete static_cast<Handle *>(data); };
  napi_value external;
  check(env, napi_create_external(env, handle.get(), collected, nullptr, &external));
  handle.release();
  return external;
}

Handle *handle_of(napi_env env, napi_value value) {
  void *data = nullptr;
  check(env, napi_get_value_external(env, value, &data));
  return static_cast<Handle *>(data);
}

template <typename T> std::shared_ptr<T> unwrap(napi_env env, napi_value value, Kind kind) {
  const Handle *handle = handle_of(env, value);
  const std::string name = NAMES[static_cast<int>(kind)];
  if (handle->kind != kind)
    throw std::runtime_error("expected a " + name + ", got a " + NAMES[static_cast<int>(handle->kind)]);
  if (handle->object == nullptr)
    throw std::runtime_error("the " + name + " was released");
  return std::static_pointer_cast<T>(handle->object);
}

std::string text_of(napi_env env, napi_value value) {
  size_t length = 0;
  check(env, napi_get_value_string_utf8(env, value, nullptr, 0, &length));
  std::string text(length, '\0');
  check(env, napi_get_value_string_utf8(env, value, text.data(), length + 1, &length));
  return text;
}

napi_value property(napi_env env, napi_value object, const char *name) {
  napi_value value;
  check(env, napi_get_named_property(env, object, name, &value));
  return value;
}

int integer_of(napi_env env, napi_value value) {
  int32_t number = 0;
  check(env, napi_get_value_int32(env, value, &number));
  return number;
}

bool boolean_of(napi_env env, napi_value value) {
  bool truth = false;
  check(env, napi_get_value_bool(env, value, &truth));
  return truth;
}

template <typename Each> void for_each(napi_env env, napi_value array, Each each) {
  uint32_t length = 0;
  check(env, napi_get_array_length(env, array, &length));
  for (uint32_t i = 0; i < length; i++) {
    napi_value element;
    check(env, napi_get_element(env, array, i, &element));
    each(element);
  }
}

// Calls `each` with the texts of a list of pairs [key, value].
template <typename Each> void for_each_pair(napi_env env, napi_value pairs, Each each) {
  for_each(env, pairs, [&](napi_value pair) {
    napi_value key, value;
    check(env, napi_get_element(env, pair, 0, &key));
    check(env, napi_get_element(env, pair, 1, &value));
    each(text_of(env, key), text_of(env, value));
  });
}

struct Type {
  int element;
  size_t bytes;
};

Type type_of(const std::string &name) {
  if (name == "float32")
    return {1, 4};
  if (name == "int32")
    return {6, 4};
  if (name == "float16")
    return {10, 2};
  if (name == "bfloat16")
    return {16, 2};
  throw std::runtime_error("no tensors of type " + name);
}

std::vector<int64_t> shape_of(napi_env env, napi_value array) {
  std::vector<int64_t> shape;
  for_each(env, array, [&](napi_value size) {
    int64_t number = 0;
    check(env, napi_get_value_int64(env, size, &number));
    if (number < 0)
      throw std::runtime_error("a dimension is negative");
    shape.push_back(number);
  });
  return shape;
}

// The functions that JavaScript calls; native.ts says what they take and give.

using Arguments = std::vector<napi_value>;

napi_value open_session(napi_env env, const Arguments &arguments) {
  void *model = nullptr;
  size_t bytes = 0;
  check(env, napi_get_typedarray_info(env, arguments[0], nullptr, &bytes, &model, nullptr, nullptr));
  const napi_value given = arguments[1];
  const std::string device = text_of(env, property(env, given, "device"));
  const int index = integer_of(env, property(env, given, "index"));

  Owned<RELEASE_SESSION_OPTIONS> options;
  call(CREATE_SESSION_OPTIONS, &options.object);
  call(SET_SESSION_LOG_SEVERITY_LEVEL, options.object, 4);
  call(SET_SESSION_GRAPH_OPTIMIZATION_LEVEL, options.object, 1);
  call(SET_INTRA_OP_NUM_THREADS, options.object, integer_of(env, property(env, given, "threads")));
  call(DISABLE_MEM_PATTERN, options.object);
  const bool arena = boolean_of(env, property(env, given, "arena"));
  call(arena ? ENABLE_CPU_MEM_ARENA : DISABLE_CPU_MEM_ARENA, options.object);
  for_each_pair(env, property(env, given, "config"), [&](const std::string &key, const std::string &value) {
    call(ADD_SESSION_CONFIG_ENTRY, options.object, key.c_str(), value.c_str());
  });

  // The provider's options have to live until the session is made.
  Owned<RELEASE_CUDA_PROVIDER_OPTIONS> cuda;
  if (device == "cuda") {
    call(CREATE_CUDA_PROVIDER_OPTIONS, &cuda.object);
    for_each_pair(env, property(env, given, "provider"), [&](const std::string &key, const std::string &value) {
      const char *keys[] = {key.c_str()}, *values[] = {value.c_str()};
      call(UPDATE_CUDA_PROVIDER_OPTIONS, cuda.object, static_cast<const char *const *>(keys),
           static_cast<const char *const *>(values), static_cast<size_t>(1));
    });
    call(APPEND_EXECUTION_PROVIDER_CUDA_V2, options.object, cuda.object);
  }

  auto session = std::make_shared<Session>();
  call(CREATE_SESSION_FROM_ARRAY, environment(), static_cast<const void *>(model), bytes, options.object,
       &session->session.object);
  // Allocator and memory of the kind "device" and "default" (0 and 0 in onnxruntime's enumerations).
  call(CREATE_MEMORY_INFO, device == "cuda" ? "Cuda" : "Cpu", 0, index, 0, &session->memory.object);
  call(CREATE_ALLOCATOR, session->session.object, session->memory.object, &session->allocator.object);
  return wrap(env, Kind::session, session);
}

napi_value allocate(napi_env env, const Arguments &arguments) {
  auto tensor = std::make_shared<Tensor>();
  tensor->session = unwrap<Session>(env, arguments[0], Kind::session);
  const Type type = type_of(text_of(env, arguments[1]));
  const std::vector<int64_t> shape = shape_of(env, arguments[2]);
  call(CREATE_TENSOR, tensor->session->allocator.object, shape.data(), shape.size(), type.element,
       &tensor->value.object);
  return wrap(env, Kind::tensor, tensor);
}

napi_value view(napi_env env, const Arguments &arguments) {
  napi_typedarray_type array_type;
  void *data = nullptr;
  size_t length = 0;
  check(env, napi_get_typedarray_info(env, arguments[0], &array_type, &length, &data, nullptr, nullptr));
  const bool is_wide = array_type == napi_float32_array || array_type == napi_int32_array;
  const size_t width = is_wide ? 4 : array_type == napi_uint16_array ? 2 : 0;
  const Type type = type_of(text_of(env, arguments[1]));
  const std::vector<int64_t> shape = shape_of(env, arguments[2]);
  size_t elements = 1;
  for (const int64_t size : shape)
    elements *= static_cast<size_t>(size);
  if (width != type.bytes || elements != length)
    throw std::runtime_error("an array of " + std::to_string(length) + " elements of " + std::to_string(width) +
                             " bytes is no tensor of " + std::to_string(elements) + " elements of " +
                             std::to_string(type.bytes));
  static Owned<RELEASE_MEMORY_INFO> *const host = [] {
    auto *info = new Owned<RELEASE_MEMORY_INFO>();
    call(CREATE_MEMORY_INFO, "Cpu", 0, 0, 0, &info->object);
    return info;
  }();
  auto tensor = std::make_shared<Tensor>();
  call(CREATE_TENSOR_WITH_DATA, host->object, data, length * width, shape.data(), shape.size(), type.element,
       &tensor->value.object);
  tensor->env = env;
  check(env, napi_create_reference(env, arguments[0], 1, &tensor->array));
  return wrap(env, Kind::tensor, tensor);
}

napi_value create_binding(napi_env env, const Arguments &arguments) {
  auto binding = std::make_shared<Binding>();
  binding->session = unwrap<Session>(env, arguments[0], Kind::session);
  call(CREATE_RUN_OPTIONS, &binding->options.object);
  for_each_pair(env, arguments[1], [&](const std::string &key, const std::string &value) {
    call(ADD_RUN_CONFIG_ENTRY, binding->options.object, key.c_str(), value.c_str());
  });
  call(CREATE_IO_BINDING, binding->session->session.object, &binding->binding.object);
  return wrap(env, Kind::binding, binding);
}

napi_value bind(napi_env env, const Arguments &arguments, Function function) {
  const auto binding = unwrap<Binding>(env, arguments[0], Kind::binding);
  const std::string name = text_of(env, arguments[1]);
  const auto tensor = unwrap<Tensor>(env, arguments[2], Kind::tensor);
  call(function, binding->binding.object, name.c_str(), tensor->value.object);
  (function == BIND_INPUT ? binding->inputs : binding->outputs)[name] = tensor;
  return nullptr;
}

napi_value bind_input(napi_env env, const Arguments &arguments) { return bind(env, arguments, BIND_INPUT); }

napi_value bind_output(napi_env env, const Arguments &arguments) { return bind(env, arguments, BIND_OUTPUT); }

napi_value run(napi_env env, const Arguments &arguments) {
  const auto binding = unwrap<Binding>(env, arguments[0], Kind::binding);
  call(RUN_WITH_BINDING, binding->session->session.object, binding->options.object, binding->binding.object);
  return nullptr;
}

napi_value release(napi_env env, const Arguments &arguments) {
  handle_of(env, arguments[0])->object = nullptr;
  return nullptr;
}

// A function of this file as one that JavaScript calls with `count` arguments; what it throws becomes an Error.
template <napi_value (*function)(napi_env, const Arguments &), size_t count>
napi_value called(napi_env env, napi_callback_info info) {
  try {
    Arguments arguments(count);
    size_t given = count;
    check(env, napi_get_cb_info(env, info, &given, arguments.data(), nullptr, nullptr));
    return function(env, arguments);
  } catch (const std::exception &error) {
    bool pending = false;
    napi_is_exception_pending(env, &pending);
    if (!pending)
      napi_throw_error(env, nullptr, error.what());
    return nullptr;
  }
}

template <napi_value (*function)(napi_env, const Arguments &), size_t count>
void export_function(napi_env env, napi_value exports, const char *name) {
  napi_value value;
  check(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, called<function, count>, nullptr, &value));
  check(env, napi_set_named_property(env, exports, name, value));
}

} // namespace

NAPI_MODULE_INIT() {
  export_function<open_session, 2>(env, exports, "openSession");
  export_function<allocate, 3>(env, exports, "allocate");
  export_function<view, 3>(env, exports, "view");
  export_function<create_binding, 2>(env, exports, "createBinding");
  export_function<bind_input, 3>(env, exports, "bindInput");
  export_function<bind_output, 3>(env, exports, "bindOutput");
  export_function<run, 1>(env, exports, "run");
  export_function<release, 1>(env, exports, "release");
  return exports;
}
